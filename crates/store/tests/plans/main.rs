//! The SQL behind each list uses an index, by the engines' own plans: every list is asked through control's view, the
//! statements that it sends are caught, and each is explained on a store with many rows.

#[cfg(test)]
mod caught;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod lists;
