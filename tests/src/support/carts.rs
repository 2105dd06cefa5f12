//! Customers and their carts.

use serde_json::{Value, json};

/// A user id that no other test has.
///
/// The privacy test searches the logs for this prefix, for the cart's e-mail address and for its postal code.
pub fn new_user_id() -> String {
    format!("usr_{:012x}", fastrand::u64(..) >> 16)
}

/// A cart with these products and quantities, shipped to California.
pub fn new_cart(user_id: &str, items: &[(&str, u32)]) -> Value {
    let items: Vec<_> = items.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
    json!({
        "user_id": user_id,
        "email": format!("{user_id}@example.com"),
        "items": items,
        "ship_to": {"country": "US", "region": "CA", "postal_code": "94107-4815"},
    })
}
