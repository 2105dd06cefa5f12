//! Flags and reviews, whenever they come.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::{join, join_all};
use switchyard_chassis::conformance::shown;
use switchyard_chassis::{Item, Value, text_of};
use warehouse::{Hold, Wave};

use super::floor::{FIRST, Floor, confirm, end_of, first, flag, hear, in_wave, mug};
use crate::world::World;

#[tokio::test]
async fn a_flag_holds_the_pick_whether_it_comes_before_or_after_the_order() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("after")]).await;
    floor.hears(&[flag("after"), flag("before")]).await;
    floor.hears(&[mug("before"), mug("ordinary")]).await;
    floor.hears(&[mug("same_batch"), flag("same_batch")]).await;
    for waves in [1, 3] {
        floor.wait(waves);
        floor.release().await.unwrap();
        assert_eq!(floor.released().await, in_wave(&["ordinary"], FIRST));
    }
    for id in ["after", "before", "same_batch"] {
        assert_eq!(floor.hold(id).await, Some(Hold { sequence: 2, held: true, ..Hold::default() }), "{id}");
    }
}

#[tokio::test]
async fn a_review_releases_a_held_pick_into_the_wave_that_is_open_then() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("ord_1"), mug("ord_2"), mug("ord_3")]).await;
    floor.hears(&[flag("ord_1"), flag("ord_2")]).await;
    // Its own wave is still open.
    floor.hears(&[confirm("ord_2")]).await;
    floor.wait(1);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await, in_wave(&["ord_2", "ord_3"], FIRST));
    floor.wait(100);
    floor.hears(&[confirm("ord_1"), confirm("ord_1"), flag("ord_1")]).await;
    let open = Wave::from_timestamp(floor.clock.now());
    assert_eq!(floor.hold("ord_1").await, Some(Hold { sequence: 3, moved_to: Some(open), ..Hold::default() }));
    floor.release().await.unwrap();
    assert_eq!(floor.released().await.len(), 2, "its wave is still open");
    floor.wait(1);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await.get("ord_1"), Some(&open.to_string()));
}

#[tokio::test]
async fn a_review_that_meets_a_closing_wave_goes_to_the_next() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("ord_1")]).await;
    floor.hears(&[flag("ord_1")]).await;
    floor.release_at(end_of(first())).await.unwrap();
    floor.hears(&[confirm("ord_1")]).await;
    floor.wait(2);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await, in_wave(&["ord_1"], "20260526T1425Z"));
}

#[tokio::test]
async fn every_order_of_arrival_ends_in_the_same_rows_and_the_same_list() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    let arrivals = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let facts = |id: &str| [mug(id), flag(id), confirm(id)];
    let rows = async |id: &str| {
        let rows = floor.table.query(&format!("ORDER#{id}"), "").await.unwrap();
        rows.iter().map(|row| says(row, id)).collect::<BTreeSet<_>>()
    };
    let mut ids = BTreeSet::new();
    for (n, arrival) in arrivals.iter().enumerate() {
        let (apart, together) = (format!("apart_{n}"), format!("together_{n}"));
        for fact in arrival {
            hear(&floor.picker(), &[facts(&apart)[*fact].clone()]).await;
        }
        hear(&floor.picker(), &arrival.map(|fact| facts(&together)[fact].clone())).await;
        for id in [apart, together] {
            assert_eq!(rows(&id).await, rows("apart_0").await, "{id}");
            ids.insert(id);
        }
    }
    floor.wait(1);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await.into_keys().collect::<BTreeSet<_>>(), ids);
}

/// A row without its order's name, which event made it, and how often that was received.
fn says(row: &Item, id: &str) -> String {
    let mut row = row.clone();
    row.retain(|name, _| !["pk", "event_id"].contains(&name.as_str()));
    let event = text_of(&row, "sk").unwrap().starts_with("EVENT#");
    row.retain(|name, _| !event || name != "sk");
    shown(&Value::map(row).0).replace(id, "")
}

#[tokio::test]
async fn a_flag_that_comes_after_the_release_is_too_late_and_its_row_says_so() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("ord_1")]).await;
    floor.wait(1);
    floor.release().await.unwrap();
    floor.hears(&[flag("ord_1")]).await;
    assert_eq!(floor.hold("ord_1").await, Some(Hold { sequence: 2, too_late: true, ..Hold::default() }));
    floor.hears(&[confirm("ord_1")]).await;
    assert_eq!(floor.hold("ord_1").await, Some(Hold { sequence: 3, ..Hold::default() }));
    floor.wait(4);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await, in_wave(&["ord_1"], FIRST));
}

#[tokio::test]
async fn of_flags_that_meet_a_closing_wave_each_holds_its_pick_or_is_too_late() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    let ids: Vec<String> = (0..60).map(|n| format!("ord_{n}")).collect();
    floor.hears(&ids.iter().map(|id| mug(id)).collect::<Vec<_>>()).await;
    let pickers: Vec<_> = (0..6).map(|_| floor.picker()).collect();
    let flags = pickers.iter().zip(ids.chunks(10)).map(async |(picker, ids)| {
        for id in ids {
            hear(picker, &[flag(id)]).await;
        }
    });
    let close = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        floor.release_at(end_of(first())).await.unwrap();
    };
    Box::pin(join(join_all(flags), close)).await;
    let released = floor.released().await;
    let mut kept = 0;
    for id in &ids {
        let Hold { held, too_late, .. } = floor.hold(id).await.unwrap();
        assert_eq!((held, too_late), (!released.contains_key(id), released.contains_key(id)), "{id}");
        kept += usize::from(held);
    }
    assert!((1..60).contains(&kept), "{kept} of 60 are held, which shows nothing");
    // Each of them is reviewed, while waves go on closing: those that were held are released now, and the others are not again.
    let reviews = pickers.iter().zip(ids.chunks(10)).map(async |(picker, ids)| {
        for id in ids {
            hear(picker, &[confirm(id)]).await;
        }
    });
    floor.wait(1);
    let close = async {
        for wave in [first().next(), first().next().next()] {
            tokio::time::sleep(Duration::from_millis(100)).await;
            floor.release_at(end_of(wave)).await.unwrap();
        }
    };
    Box::pin(join(join_all(reviews), close)).await;
    floor.wait(10);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await.into_keys().collect::<BTreeSet<_>>(), ids.into_iter().collect());
}
