//! Tokens: pure.
