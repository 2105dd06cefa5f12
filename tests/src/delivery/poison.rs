//! Records that cannot be applied, in batches with records that can.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use switchyard_chassis::conformance::order;
use tokio::time::sleep;
use yard::trace::ConsumerState;
use yard::{Project, peek_dead_letters};

use crate::support::{TestStack, new_cart, new_user_id, text, wait_until};

#[tokio::test]
async fn malformed_and_unknown_version_go_to_dlq_with_reasons() {
    let stack = TestStack::exclusive().await;
    let tax = stack.deployed.consumer("tax").unwrap();
    stack.disable("tax").await;
    let newer = order(901).replace(r#""version":1"#, r#""version":7"#);
    let bodies = [order(902), "<xml/>".to_owned(), order(903), newer.clone(), order(904)];
    for body in &bodies {
        stack.cloud.sqs.send_message().queue_url(&tax.queue_url).message_body(body).send().await.unwrap();
    }
    stack.enable("tax").await;
    stack.wait_until_idle().await;
    for n in [902, 903, 904] {
        assert_eq!(stack.query(&tax.table, &format!("ORDER#ord_conformance{n}")).await.len(), 1, "{n}");
    }
    assert_eq!(stack.query(&tax.table, "ORDER#ord_conformance901").await.len(), 0);
    let dead = peek_dead_letters(&stack.cloud, &tax.dlq_url).await.unwrap();
    let reasons: HashMap<_, _> = dead.iter().map(|dead| (dead.attributes["error_code"].as_str(), dead)).collect();
    assert_eq!(reasons.len(), 2);
    assert_eq!(reasons["malformed"].body, "<xml/>");
    assert_eq!(reasons["unknown_version"].body, newer);
    let error = &reasons["unknown_version"].attributes["error"];
    assert!(error.contains("OrderPlaced version 7 is not known"), "{error}");
    stack.cloud.sqs.purge_queue().queue_url(&tax.dlq_url).send().await.unwrap();
}

/// Replaces the code of a function.
async fn deploy(stack: &TestStack, function: &str, bootstrap: &Path) {
    let folder = std::env::temp_dir().join(format!("switchyard-{}", fastrand::u64(..)));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(bootstrap, folder.join("bootstrap")).unwrap();
    let python = Project::find().unwrap().tool("python");
    let zipped =
        Command::new(python).args(["-m", "zipfile", "-c", "code.zip", "bootstrap"]).current_dir(&folder).status();
    assert!(zipped.unwrap().success());
    let code = Blob::new(std::fs::read(folder.join("code.zip")).unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
    stack.cloud.lambda.update_function_code().function_name(function).zip_file(code).send().await.unwrap();
    wait_until("the code is in place", async || {
        let state = stack.cloud.lambda.get_function_configuration().function_name(function).send().await.unwrap();
        state.last_update_status.is_none_or(|status| status.as_str() == "Successful")
    })
    .await;
}

#[tokio::test]
async fn panicking_record_retries_alone_until_code_is_fixed() {
    let stack = TestStack::exclusive().await;
    let tax = stack.deployed.consumer("tax").unwrap();
    stack.disable("tax").await;
    deploy(&stack, &tax.function, Path::new(env!("CARGO_BIN_EXE_faulty-tax"))).await;
    let sku = stack.create_product("5.00", true, 10).await;
    let mut good = Vec::new();
    for _ in 0..4 {
        good.push(stack.place_order(&new_cart(&new_user_id(), &[(&sku, 1)])).await);
    }
    let bad = stack.place_order(&new_cart("usr_panics", &[(&sku, 1)])).await;
    wait_until("all five wait", async || stack.message_count(&tax.queue_url).await == 5).await;
    stack.enable("tax").await;
    for id in &good {
        stack.wait_until_applied(id).await;
    }
    assert_eq!(stack.consumer_state("tax", &bad).await, ConsumerState::Pending);

    // The mapping is disabled first: a message whose handling a deployment interrupts is not visible for three minutes.
    stack.disable("tax").await;
    deploy(&stack, &tax.function, &Project::find().unwrap().path("target/lambda/tax/bootstrap")).await;
    stack.enable("tax").await;
    let trace = stack.wait_until_applied(&bad).await;
    let tax_line = trace.consumers.iter().find(|line| line.name == "tax").unwrap();
    assert!(tax_line.receives.unwrap() >= 2, "earlier receives had failed");
    for id in &good {
        let ledger = stack.query(&tax.table, &format!("ORDER#{id}")).await;
        assert_eq!((ledger.len(), text(&ledger[0], "receives").as_str()), (1, "1"), "each neighbour was received once");
    }
    sleep(Duration::from_millis(100)).await;
}
