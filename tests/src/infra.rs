//! The template, the roles, and rules for the repository itself.

mod permissions;
mod readme;
mod template;
mod tidy;
mod untrusted_input;
