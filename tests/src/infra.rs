//! The template, the roles, and rules for the repository itself.

mod bill;
mod makefile;
mod parameters;
mod permissions;
mod privileges;
mod readme;
mod template;
mod tidy;
mod untrusted_input;
