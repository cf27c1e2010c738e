//! The servers that elastimock is compared with, each set up as its documentation tells its users.

pub mod bare;
pub mod httpmock;
pub mod httptest;
pub mod least;
pub mod mockito;
pub mod wiremock;

mod background;
