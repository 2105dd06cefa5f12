//! Reads everything that the audit compares.

use anyhow::{Context, Result};
use serde_json::Value;
use switchyard_chassis::Item;
use yard::email::mailbox;

use crate::audit::{Evidence, SentMail};
use crate::order_log::OrderOutcomes;
use crate::soak_stack::SoakStack;

/// Reads all tables, all mails and the email journal. `jobs_done` is whether all jobs have run.
pub(crate) async fn collect_evidence(stack: &SoakStack, outcomes: OrderOutcomes, jobs_done: bool) -> Result<Evidence> {
    let mut evidence = Evidence {
        jobs_done,
        accepted: outcomes.accepted,
        cancellations: outcomes.cancellations,
        too_late: outcomes.too_late,
        reviews: outcomes.reviews,
        products: stack.products.clone(),
        orders: scan(stack, &stack.deployed.orders_table).await?,
        mails: sent_mails(stack).await?,
        journal: stack.recorder.journal(),
        ..Evidence::default()
    };
    for consumer in &stack.deployed.consumers {
        evidence.tables.insert(consumer.name.clone(), scan(stack, &consumer.table).await?);
        evidence.event_types.insert(consumer.name.clone(), consumer.event_types.clone());
    }
    Ok(evidence)
}

async fn scan(stack: &SoakStack, table: &str) -> Result<Vec<Item>> {
    let scan = stack.cloud.dynamodb.scan().table_name(table).consistent_read(true).into_paginator().items().send();
    scan.collect::<Result<_, _>>().await.with_context(|| format!("{table} cannot be read"))
}

/// Every mail that the local cloud has accepted.
async fn sent_mails(stack: &SoakStack) -> Result<Vec<SentMail>> {
    let mail = |mail: &Value| SentMail {
        to: mail["To"][0].as_str().unwrap_or_default().to_owned(),
        text: mail["BodyText"].as_str().unwrap_or_default().to_owned(),
    };
    Ok(mailbox(&stack.cloud).await?.iter().map(mail).collect())
}
