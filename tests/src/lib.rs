//! tests

#[cfg(test)]
mod template;
