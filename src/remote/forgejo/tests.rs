//! The client against a server that answers as Forgejo does, and against odd ones.

mod fake;
mod forgejo;
mod odd;
