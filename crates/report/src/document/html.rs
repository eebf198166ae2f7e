//! One page with its style and charts within: it can be mailed, printed and kept.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{chart, words};
use crate::{Chapter, Statement};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2024;--faint:#60646c;--line:#d9d9e0;--bar:#3e63dd;--page:#fff}\
@media(prefers-color-scheme:dark){:root{--ink:#edeef0;--faint:#b0b4ba;--line:#43484e;--bar:#9eb1ff;--page:#111113}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:50rem;margin:2rem auto;\
padding:0 1rem}h1{margin-bottom:0}.standing{color:var(--faint);margin-top:.2rem}table{border-collapse:collapse;\
width:100%}td,th{padding:.25rem .5rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}\
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}svg{width:100%;height:auto}\
svg rect{fill:var(--bar)}svg line{stroke:var(--line)}svg text{fill:var(--faint);font-size:10px}\
svg .day{text-anchor:middle}.rest{color:var(--faint)}";

pub fn write(statement: &Statement) -> String {
    let title = format!("{}, {}", statement.whose, statement.month.name());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                p.standing { (statement.standing.words()) ". Made " (words::time(statement.made_at)) "." }
                table {
                    @for (name, value) in words::figures(statement) { tr { th { (name) } td { (value) } } }
                }
                h2 { "Days" }
                (chart::svg(&words::days(statement)))
                @for chapter in &statement.chapters { (section(chapter)) }
                @if !statement.alerts.is_empty() {
                    h2 { "Alerts" }
                    ul { @for alert in &statement.alerts { li { (words::alert(alert)) } } }
                }
            }
        }
    };
    page.into_string() + "\n"
}

fn section(chapter: &Chapter) -> Markup {
    html! {
        h2 { (chapter.title) }
        @if chapter.rows.is_empty() {
            p { "Nothing was spent." }
        } @else {
            table {
                tr { th { (chapter.title) } th.n { "Spend" } th.n { "Requests" } }
                @for row in &chapter.rows {
                    tr {
                        td { (words::name(row)) }
                        td.n { (words::money(row.spend)) }
                        td.n { (words::count(row.requests)) }
                    }
                }
                @if chapter.others > 0 {
                    tr.rest { td { (words::others(chapter.others)) } td.n { (words::money(chapter.others_spend)) } td {} }
                }
            }
        }
    }
}
