//! What every command gets: the project, and the stack that the command line names.

use anyhow::{Result, bail};
use clap::Args;

use crate::aws::clients::Cloud;
use crate::local::instance::{Instance, MAIN};
use crate::local::project::Project;
use crate::stack::deployed::Stack;
use crate::stack::error::StackError;
use crate::terminal::output::print_note;

/// Options of every command: which stack it is for.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// The local instance
    #[arg(long, global = true, env = "SWITCHYARD_INSTANCE", default_value = MAIN, value_name = "NAME")]
    pub(crate) instance: String,
    /// Talk to AWS, with the usual chain of credentials
    #[arg(long, global = true)]
    pub(crate) aws: bool,
    /// The stack's name
    #[arg(long, global = true, default_value = "switchyard", value_name = "NAME")]
    pub(crate) stack: String,
    /// The AWS region; plain --region does as well, except with `order`, where that is the customer's
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) aws_region: Option<String>,
}

/// The short form of `--aws-region`, for the commands in which `--region` means nothing else.
#[derive(Debug, Args)]
pub(crate) struct RegionArgs {
    /// The AWS region
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct JsonArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a command ended that met no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completion {
    Done,
    /// A call was refused, or a consumer is not done.
    NotDone,
}

impl Completion {
    pub(crate) fn from_success(success: bool) -> Self {
        if success { Self::Done } else { Self::NotDone }
    }
}

/// Where a command was given, and which stack it is for.
#[derive(Debug)]
pub(crate) struct CommandContext {
    pub(crate) project: Project,
    pub(crate) target: TargetArgs,
}

impl CommandContext {
    pub(crate) fn new(target: TargetArgs) -> Result<Self> {
        Ok(Self { project: Project::find()?, target })
    }

    /// The local instance, running or not. Fails with `--aws`.
    pub(crate) fn instance(&self) -> Result<Instance> {
        if self.target.aws {
            bail!("this is for the local cloud; on AWS, `make deploy` brings the stack up to date");
        }
        Instance::new(&self.project, &self.target.instance)
    }

    /// The stack that the command is for, named on stderr. On AWS, `region` takes precedence over `--aws-region`.
    pub(crate) async fn connect(&self, region: Option<String>) -> Result<(Cloud, Stack)> {
        let cloud = self.cloud(region).await?;
        let stack = Stack::read(&cloud).await?;
        Ok((cloud, stack))
    }

    /// Where the stack is, or will be: [`connect`](Self::connect) without reading it.
    pub(crate) async fn cloud(&self, region: Option<String>) -> Result<Cloud> {
        let TargetArgs { instance, aws, stack, aws_region } = &self.target;
        let cloud = if *aws {
            Cloud::aws(stack, region.or_else(|| aws_region.clone())).await?
        } else {
            let down = || StackError::InstanceDown { instance: instance.clone() };
            self.instance()?.running().ok_or_else(down)?.cloud()
        };
        print_note(format!("on {}", cloud.describe()));
        Ok(cloud)
    }
}
