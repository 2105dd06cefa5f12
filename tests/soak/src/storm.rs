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
            let outage = Rule::new("dynamodb", "*", Fault::InternalError { after_effect: false });
            rules.push(outage.containing(&format!("\"{table}\"")).with_probability(0.95));
        }
        if random.bool() {
            rules.push(burst(&mut random));
        }
        rules.extend(steady(rate));
        proxy.set_rules(rules);
        sleep(SPELL).await;
    }
}

struct Clear<'a>(&'a Proxy);

impl Drop for Clear<'_> {
    fn drop(&mut self) {
        self.0.set_rules(Vec::new());
    }
}

/// Of a hundred faults, how many are of each kind. The proxy leaves out what a call cannot have.
fn steady(rate: f64) -> Vec<Rule> {
    let conflict = Fault::Conflict { item: None, code: None };
    let partial = Fault::Partial { entry: None, code: None };
    let kinds = [
        (14, "*", Fault::Delay { ms: 40 }),
        (5, "*", Fault::Delay { ms: 700 }),
        (12, "*", Fault::InternalError { after_effect: false }),
        (6, "*", Fault::InternalError { after_effect: true }),
        (14, "*", Fault::Throttle),
        (12, "dynamodb", conflict),
        (10, "*", partial),
        (6, "*", Fault::CloseConnection),
        (6, "*", Fault::ResetConnection),
        (12, "*", Fault::DropResponse),
        (1, "dynamodb", Fault::RefuseConnections { ms: 150 }),
        // The API's callers are the soak's own clients.
        (1, "dynamodb", Fault::Kill { after_effect: false }),
        (1, "dynamodb", Fault::Kill { after_effect: true }),
        (4, "ses", Fault::Kill { after_effect: true }),
        (4, "events", Fault::Kill { after_effect: true }),
        (2, "sqs", Fault::Kill { after_effect: true }),
    ];
    let rule = |(weight, service, fault): (u32, &str, Fault)| {
        Rule::new(service, "*", fault).with_probability(rate * f64::from(weight) / 100.0)
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
        ("dynamodb", "TransactWriteItems", Fault::DropResponse),
        ("dynamodb", "BatchExecuteStatement", partial()),
        ("dynamodb", "PutItem", Fault::DropResponse),
        ("dynamodb", "PutItem", conflict()),
        ("dynamodb", "UpdateItem", Fault::Throttle),
        ("dynamodb", "UpdateItem", Fault::InternalError { after_effect: true }),
        ("dynamodb", "BatchGetItem", partial()),
        ("dynamodb", "*", Fault::ResetConnection),
        ("events", "PutEvents", partial()),
        ("events", "PutEvents", Fault::InternalError { after_effect: false }),
        ("events", "PutEvents", Fault::DropResponse),
        ("ses", "SendEmail", Fault::Throttle),
        ("ses", "SendEmail", Fault::DropResponse),
        ("ses", "SendEmail", Fault::InternalError { after_effect: false }),
        ("sqs", "*", Fault::Throttle),
        ("execute-api", "*", Fault::DropResponse),
    ];
    let (service, operation, fault) = bursts[random.usize(..bursts.len())].clone();
    Rule::new(service, operation, fault).with_probability(0.7)
}
