//! Gathers picks into waves of five minutes.
//!
//! Rows: `ORDER#<id>` / `PICK` (which wave the order is in; also the marker), `WAVE#<start>` / `PICK#<order>` (what to pick) and
//! `WAVE#<start>` / `WAVE#<shard>` (how many picks, and whether the wave is closed).

mod release;

use jiff::{SignedDuration, Timestamp};
use switchyard_chassis::{Condition, Consumer, Effects, Env, Failure, Key, Received, Row, Update, Value};
use switchyard_events::{Line, OrderPlaced};

pub use release::ReleaseWaves;

/// Every pick of a wave meets on the wave's own row; spread over this many rows, concurrent batches rarely do.
pub const SHARDS: u32 = 4;

/// How long a wave stays open.
pub const WAVE: SignedDuration = SignedDuration::from_mins(5);

/// How many waves ahead an open one is looked for.
const WAVES_AHEAD: i32 = 12;

/// The warehouse consumer.
pub struct Warehouse;

impl Warehouse {
    /// Needs no configuration of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Consumer for Warehouse {
    const NAME: &'static str = "warehouse";
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        let wave = open_wave(effects).await?;
        effects.record(Row::new(Key::new(format!("ORDER#{}", order.order_id), "PICK")).set("wave", wave.as_str()));
        let lines: Vec<Value> = order.items.iter().map(line).collect();
        let pick = Row::new(Key::new(wave_partition(&wave), format!("PICK#{}", order.order_id)));
        effects.put(pick.set("lines", lines).set("placed_at", order.placed_at));
        // The wave may close at any moment until this is written: then it fails, and the pick goes to the next wave.
        let count = Update::new().add("picks", 1).when(Condition::missing("closed_at"));
        effects.add_sharded(Key::new(wave_partition(&wave), "WAVE"), SHARDS, count);
        Ok(())
    }
}

/// The wave that takes picks now. The one of this moment is taken to be open, which spares a read; only if that proved wrong is
/// the first open one looked for.
async fn open_wave(effects: &mut Effects) -> Result<String, Failure> {
    let now = effects.now();
    if !effects.is_rerun() {
        return Ok(wave_of(now));
    }
    for ahead in 0..WAVES_AHEAD {
        let wave = wave_of(now + WAVE * ahead);
        // A wave is closed in all its shards at once, so any one of them tells.
        let row = effects.read(Key::new(wave_partition(&wave), "WAVE#0")).await?;
        if !row.is_some_and(|row| row.contains_key("closed_at")) {
            return Ok(wave);
        }
    }
    Err(Failure::retry(format!("the next {WAVES_AHEAD} waves are closed")))
}

/// The wave of this moment: the time at which it opened, such as `2026-05-26T14:20:00Z`.
pub fn wave_of(now: Timestamp) -> String {
    let start = now.as_second().div_euclid(WAVE.as_secs()) * WAVE.as_secs();
    Timestamp::from_second(start).unwrap_or(now).to_string()
}

/// The partition in which a wave's rows lie.
pub fn wave_partition(wave: &str) -> String {
    format!("WAVE#{wave}")
}

fn line(line: &Line) -> Value {
    Value::from([
        ("sku", line.sku.as_str().into()),
        ("quantity", line.quantity.get().into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_is_named_after_the_five_minutes_it_opened_in() {
        let check = |now: &str, wave: &str| assert_eq!(wave_of(now.parse().unwrap()), wave, "{now}");
        check("2026-05-26T14:20:00Z", "2026-05-26T14:20:00Z");
        check("2026-05-26T14:24:59.999Z", "2026-05-26T14:20:00Z");
        check("2026-05-26T14:25:00Z", "2026-05-26T14:25:00Z");
        check("1969-12-31T23:59:59Z", "1969-12-31T23:55:00Z");
    }
}
