//! `pintle demo`.

use super::ending::Completion;
use super::out;
use crate::cli::{DemoArgs, DemoCommand};
use crate::demo::story;
use crate::error::Result;

pub async fn run(args: &DemoArgs) -> Result<Completion> {
    match &args.what {
        None => story::play_story(args.dir.as_deref(), &|text| out::data(text)).await?,
        Some(DemoCommand::Serve { dir }) => story::serve_demo(dir, &|text| out::data(text)).await?,
        Some(DemoCommand::Push { dir, image }) => {
            story::push_image(dir, image, &|text| out::data(text)).await?
        }
    }
    Ok(Completion::Ok)
}
