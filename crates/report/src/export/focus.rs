//! The FinOps Open Cost and Usage Specification (FOCUS) 1.2, <https://focus.finops.org/focus-specification/>: the columns
//! that every dataset has, and those that usage of models fills. What Mete does not know is null, an empty cell.

use mete_core::time::{DAY, HOUR};
use mete_core::{Month, Timestamp};
use mete_store::{Grain, UsageRow};
use serde_json::json;

/// In the specification's words.
pub const COLUMNS: [&str; 33] = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
];

/// A row in these columns. An organization is a billing account, a project a sub-account, a key the resource that cost
/// arises from; `provider` is who offers the model. Costs are what Mete rated, in all four columns: it knows of no discount
/// that is not in its prices.
pub fn cells(grain: Grain, row: &UsageRow, provider: &str) -> [String; 33] {
    let (start, end) = span(grain, row.bucket);
    let month = start.month();
    let cost = row.spend.to_string();
    let tokens = (row.input_tokens + row.output_tokens).to_string();
    let service = if row.endpoint.is_empty() { "inference" } else { &row.endpoint };
    let model = if row.model.is_empty() { "a model that usage does not name" } else { &row.model };
    let resource = if row.key_id.is_empty() { ["", ""] } else { [row.key.as_str(), "API key"] };
    [
        cost.clone(),
        row.organization_id.clone(),
        row.organization.clone(),
        "Organization".to_owned(),
        "USD".to_owned(),
        month.end().to_string(),
        month.start().to_string(),
        "Usage".to_owned(),
        String::new(),
        format!("{service} with {model}"),
        "Usage-Based".to_owned(),
        end.to_string(),
        start.to_string(),
        tokens.clone(),
        "Tokens".to_owned(),
        cost.clone(),
        cost.clone(),
        provider.to_owned(),
        cost,
        tokens,
        "Tokens".to_owned(),
        provider.to_owned(),
        provider.to_owned(),
        row.key_id.clone(),
        resource[0].to_owned(),
        resource[1].to_owned(),
        "AI and Machine Learning".to_owned(),
        service.to_owned(),
        "Generative AI".to_owned(),
        row.project_id.clone(),
        row.project.clone(),
        "Project".to_owned(),
        tags(row),
    ]
}

/// What the specification has no column for: the model, who owns the key, and the figures that make up the tokens.
fn tags(row: &UsageRow) -> String {
    json!({
        "model": row.model,
        "member_id": row.member_id,
        "member": row.member,
        "requests": row.requests.to_string(),
        "input_tokens": row.input_tokens.to_string(),
        "cached_input_tokens": row.cached_input_tokens.to_string(),
        "output_tokens": row.output_tokens.to_string(),
    })
    .to_string()
}

/// The first instant of a bucket, and the first after it.
fn span(grain: Grain, bucket: i64) -> (Timestamp, Timestamp) {
    match grain {
        Grain::Hour => (Timestamp(bucket * HOUR), Timestamp((bucket + 1) * HOUR)),
        Grain::Day => (Timestamp(bucket * DAY), Timestamp((bucket + 1) * DAY)),
        Grain::Month => Month::from_yyyymm(bucket).map_or_else(Default::default, |month| (month.start(), month.end())),
    }
}
