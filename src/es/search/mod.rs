//! Searches: how one is asked, what it means, how it is run, and how its hits are told.

pub mod handlers;
pub mod query;
pub mod refusal;
pub mod request;
pub mod run;
pub mod source_filter;
pub mod words;
