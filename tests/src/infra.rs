//! The template, the roles, and rules for the repository itself.

mod makefile;
mod permissions;
mod privileges;
mod readme;
mod template;
mod tidy;
mod untrusted_input;
