//! Faults while orders flow: a steady share of all calls, and bursts in which one kind of call hardly works at all.

use std::time::Duration;

use fastrand::Rng;
use switchyard_faults::{Fault, Proxy, Rule};
use tokio::time::{Instant, sleep};
use yard::Consumer;

use crate::options::Options;

/// How long the weather stays as it is.
const SPELL: Duration = Duration::from_secs(3);

/// Lets faults fire until it is dropped; then the sky is clear. For a while the table of one consumer is out of order: long
/// enough, in a long storm, for messages to die of it.
pub(crate) async fn rage(proxy: &Proxy, consumers: &[Consumer], options: &Options) {
    let _clear = Clear(proxy);
    let (mut random, rate) = (Rng::with_seed(options.seed), options.rate);
    let table = random.choice(consumers).map_or("", |consumer| consumer.table.as_str());
    let began = Instant::now();
    loop {
        let mut rules = Vec::new();
        if (options.storm() / 20..options.storm() / 4).contains(&began.elapsed()) {
            let outage = Rule::on("dynamodb", "*", Fault::Error { after: false });
            rules.push(outage.with_text(&format!("\"{table}\"")).at_random(0.95));
        }
        if random.bool() {
            rules.push(burst(&mut random));
        }
        rules.extend(steady(rate));
        proxy.set(rules);
        sleep(SPELL).await;
    }
}

struct Clear<'a>(&'a Proxy);

impl Drop for Clear<'_> {
    fn drop(&mut self) {
        self.0.set(Vec::new());
    }
}

/// Of a hundred faults, how many are of each kind. The proxy leaves out what a call cannot have.
fn steady(rate: f64) -> Vec<Rule> {
    let conflict = Fault::Conflict { item: None, code: None };
    let partial = Fault::Partial { entry: None, code: None };
    let kinds = [
        (14, "*", Fault::Delay { ms: 40 }),
        (5, "*", Fault::Delay { ms: 700 }),
        (12, "*", Fault::Error { after: false }),
        (6, "*", Fault::Error { after: true }),
        (14, "*", Fault::Throttle),
        (12, "dynamodb", conflict),
        (10, "*", partial),
        (6, "*", Fault::Close),
        (6, "*", Fault::Reset),
        (12, "*", Fault::Drop),
        (1, "dynamodb", Fault::Refuse { ms: 150 }),
        // The API's callers are the soak's own clients.
        (1, "dynamodb", Fault::Kill { after: false }),
        (1, "dynamodb", Fault::Kill { after: true }),
        (4, "ses", Fault::Kill { after: true }),
        (4, "events", Fault::Kill { after: true }),
        (2, "sqs", Fault::Kill { after: true }),
    ];
    let rule = |(weight, service, fault): (u32, &str, Fault)| {
        Rule::on(service, "*", fault).at_random(rate * f64::from(weight) / 100.0)
    };
    kinds.into_iter().map(rule).collect()
}

/// One operation, and one fault that most of its calls meet.
fn burst(random: &mut Rng) -> Rule {
    let conflict = || Fault::Conflict { item: None, code: None };
    let partial = || Fault::Partial { entry: None, code: None };
    let bursts = [
        ("dynamodb", "TransactWriteItems", conflict()),
        ("dynamodb", "TransactWriteItems", Fault::Throttle),
        ("dynamodb", "TransactWriteItems", Fault::Drop),
        ("dynamodb", "BatchExecuteStatement", partial()),
        ("dynamodb", "PutItem", Fault::Drop),
        ("dynamodb", "PutItem", conflict()),
        ("dynamodb", "UpdateItem", Fault::Throttle),
        ("dynamodb", "UpdateItem", Fault::Error { after: true }),
        ("dynamodb", "BatchGetItem", partial()),
        ("dynamodb", "*", Fault::Reset),
        ("events", "PutEvents", partial()),
        ("events", "PutEvents", Fault::Error { after: false }),
        ("events", "PutEvents", Fault::Drop),
        ("ses", "SendEmail", Fault::Throttle),
        ("ses", "SendEmail", Fault::Drop),
        ("ses", "SendEmail", Fault::Error { after: false }),
        ("sqs", "*", Fault::Throttle),
        ("execute-api", "*", Fault::Drop),
    ];
    let (service, operation, fault) = bursts[random.usize(..bursts.len())].clone();
    Rule::on(service, operation, fault).at_random(0.7)
}
