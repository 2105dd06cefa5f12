//! Faults while orders flow: a steady share of all calls fails, and in bursts most calls of one kind fail.

use std::time::Duration;

use fastrand::Rng;
use switchyard_faults::{Fault, Proxy, Rule};
use tokio::time::{Instant, sleep};
use yard::Consumer;

use crate::args::SoakArgs;

/// How long a set of rules is in force.
const RULE_CHANGE_INTERVAL: Duration = Duration::from_secs(3);

/// The share of calls to one table that fail during its outage.
const OUTAGE_RATE: f64 = 0.95;

/// The share of calls that fail in a burst.
const BURST_RATE: f64 = 0.7;

/// Injects faults until it is dropped, which removes all rules. In the first quarter the table of one consumer has an
/// outage; in a long run it lasts long enough to send messages to the dead-letter queue.
pub(crate) async fn inject_faults(proxy: &Proxy, consumers: &[Consumer], args: &SoakArgs) {
    let _clear = ClearRulesOnDrop(proxy);
    let mut random = Rng::with_seed(args.seed);
    let table = random.choice(consumers).map_or("", |consumer| consumer.table.as_str());
    let outage_phase = args.fault_phase() / 20..args.fault_phase() / 4;
    let started = Instant::now();
    loop {
        let mut rules = Vec::new();
        if outage_phase.contains(&started.elapsed()) {
            let outage = Rule::new("dynamodb", "*", Fault::InternalError { after_effect: false });
            rules.push(outage.containing(&format!("\"{table}\"")).with_probability(OUTAGE_RATE));
        }
        if random.bool() {
            rules.push(burst_rule(&mut random));
        }
        rules.extend(steady_rules(args.rate));
        proxy.set_rules(rules);
        sleep(RULE_CHANGE_INTERVAL).await;
    }
}

struct ClearRulesOnDrop<'a>(&'a Proxy);

impl Drop for ClearRulesOnDrop<'_> {
    fn drop(&mut self) {
        self.0.set_rules(Vec::new());
    }
}

/// Rules under which about `rate` of all calls fail. The weights are percentages of `rate`. A rule does not match calls
/// that cannot fail in its way.
fn steady_rules(rate: f64) -> Vec<Rule> {
    let conflict = Fault::Conflict { item: None, code: None };
    let partial = Fault::Partial { entry: None, code: None };
    let weighted = [
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
        // No rule kills for a call to the API: its caller is the soak itself.
        (1, "dynamodb", Fault::Kill { after_effect: false }),
        (1, "dynamodb", Fault::Kill { after_effect: true }),
        (4, "ses", Fault::Kill { after_effect: true }),
        (4, "events", Fault::Kill { after_effect: true }),
        (2, "sqs", Fault::Kill { after_effect: true }),
    ];
    let rule = |(weight, service, fault): (u32, &str, Fault)| {
        Rule::new(service, "*", fault).with_probability(rate * f64::from(weight) / 100.0)
    };
    weighted.into_iter().map(rule).collect()
}

/// A rule under which most calls of one operation fail in one way.
fn burst_rule(random: &mut Rng) -> Rule {
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
    Rule::new(service, operation, fault).with_probability(BURST_RATE)
}
