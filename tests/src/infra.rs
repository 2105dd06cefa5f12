//! The template, the roles, and rules for the repository itself.

mod permissions;
mod template;
mod tidy;
mod untrusted_input;
