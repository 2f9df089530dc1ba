//! Shipping against a bare copy loop: lines a second, processor time, memory, and how soon a line is there.
fn main() {}
