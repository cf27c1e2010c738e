//! Searches: how one is asked, what it means, how it is run, and how its hits are told.

pub(crate) mod handlers;
pub(crate) mod query;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod run;
pub(crate) mod source_filter;
pub(crate) mod words;
