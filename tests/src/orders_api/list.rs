//! `GET /orders`.

use serde_json::Value;
use yard::Api;

use crate::support::{TestStack, new_cart, new_user_id};

/// The ids of a page, and the cursor of the next one.
async fn page(api: &Api, query: &str) -> (Vec<String>, Option<String>) {
    let answer = api.get(&format!("/orders?{query}")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json());
    let body = answer.json();
    let ids = body["orders"].as_array().unwrap().iter().map(|order| order["order_id"].as_str().unwrap().to_owned());
    (ids.collect(), body["next_cursor"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn order_is_listed_the_moment_it_is_placed() {
    let stack = TestStack::shared().await;
    let (user, sku) = (new_user_id(), stack.create_product("12.50", true, 50).await);
    for number in 1..=5 {
        let placed = stack.api.checkout(&new_cart(&user, &[(&sku, number)]), &[]).await.unwrap().json();
        let answer = stack.api.get(&format!("/orders?user_id={user}")).await.unwrap();
        let listed: Value = answer.json()["orders"].clone();
        assert_eq!(listed.as_array().unwrap().len(), usize::try_from(number).unwrap());
        // Its status may have changed since.
        for field in ["order_id", "total_usd", "placed_at"] {
            assert_eq!(listed[0][field], placed[field], "the newest is the first");
        }
        assert!(["received", "confirmed", "flagged"].contains(&listed[0]["status"].as_str().unwrap()));
        assert_eq!(answer.json()["next_cursor"], Value::Null);
    }
}

#[tokio::test]
async fn pages_of_list_have_every_order_once_newest_first() {
    let stack = TestStack::shared().await;
    let (user, sku) = (new_user_id(), stack.create_product("1.00", true, 50).await);
    let mut placed = Vec::new();
    for _ in 0..7 {
        placed.insert(0, stack.place_order(&new_cart(&user, &[(&sku, 1)])).await);
    }
    for limit in [1, 3, 6, 7, 50] {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let (ids, next) = page(&stack.api, &format!("user_id={user}&limit={limit}{after}")).await;
            assert!(ids.len() <= limit);
            found.extend(ids);
            if next.is_none() {
                break;
            }
            cursor = next;
        }
        assert_eq!(found, placed, "{limit} a page");
    }
    // An order that is placed while the client reads the pages is on none of the following ones.
    let (first, cursor) = page(&stack.api, &format!("user_id={user}&limit=3")).await;
    stack.place_order(&new_cart(&user, &[(&sku, 1)])).await;
    let (second, _) = page(&stack.api, &format!("user_id={user}&limit=4&cursor={}", cursor.unwrap())).await;
    assert_eq!([first, second].concat(), placed);
}

#[tokio::test]
async fn cursor_of_another_list_is_refused() {
    let stack = TestStack::shared().await;
    let (user, other) = (new_user_id(), new_user_id());
    let sku = stack.create_product("1.00", true, 50).await;
    for user in [&user, &user, &other] {
        stack.place_order(&new_cart(user, &[(&sku, 1)])).await;
    }
    let (_, cursor) = page(&stack.api, &format!("user_id={user}&limit=1")).await;
    let foreign = stack.api.get(&format!("/orders?user_id={other}&cursor={}", cursor.unwrap())).await.unwrap();
    assert_eq!((foreign.status, &foreign.json()["errors"][0]["field"]), (422, &"cursor".into()));
    let unnamed = stack.api.get("/orders").await.unwrap();
    assert_eq!((unnamed.status, &unnamed.json()["errors"][0]["field"]), (422, &"user_id".into()));
    assert_eq!(page(&stack.api, &format!("user_id={}", new_user_id())).await, (vec![], None));
}
