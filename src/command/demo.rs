//! `pintle demo`.

use super::{Done, out};
use crate::cli::{Demo, DemoCommand};
use crate::demo::story;
use crate::error::Result;

pub async fn run(args: &Demo) -> Result<Done> {
    match &args.what {
        None => story::tell(args.dir.as_deref(), &|text| out::data(text)).await?,
        Some(DemoCommand::Serve { dir }) => story::serve(dir, &|text| out::data(text)).await?,
        Some(DemoCommand::Push { dir, image }) => story::push(dir, image, &|text| out::data(text)).await?,
    }
    Ok(Done::Ok)
}
