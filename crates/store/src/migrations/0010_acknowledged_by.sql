-- who took note of an alert: somebody who is woken by it looks for whoever is on it already.
ALTER TABLE alert ADD COLUMN acknowledged_by TEXT;
