//! Session state that travels with the request.

mod token;
