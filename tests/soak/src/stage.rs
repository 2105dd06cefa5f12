//! A local cloud for the soak alone: brought up behind the proxy, set for short runs, taken down in any case.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use anyhow::{Context, Result};
use aws_sdk_lambda::types::Environment;
use aws_sdk_sqs::types::QueueAttributeName;
use switchyard_faults::Proxy;
use yard::{Api, Cloud, Instance, Project, Stack, up};

use crate::options::Options;
use crate::wares::{self, Ware};
use crate::witness::{AtProxy, Witness};

/// After a crash a message comes back when its invisibility ends. The template's 180 seconds are six times the function's timeout, as
/// AWS advises; a second more than the timeout is the least that works, and lets a short run see many crashes.
const VISIBILITY_SECONDS: &str = "31";

/// After a crash between sending and completing, a mail is sent again when its lease ends. The template's 60 seconds, cut to the
/// least that outlives the invocation that took the lease.
const LEASE_SECONDS: &str = "31";

/// Everything that a run works with.
pub(crate) struct Stage {
    pub(crate) instance: Instance,
    pub(crate) cloud: Cloud,
    pub(crate) stack: Stack,
    /// The API as clients reach it: through the proxy, too.
    pub(crate) api: Api,
    pub(crate) proxy: Proxy,
    pub(crate) witness: Arc<Witness>,
    pub(crate) wares: Vec<Ware>,
}

impl Stage {
    /// Brings it up.
    pub(crate) async fn build(project: &Project, instance: &Instance, options: &Options) -> Result<Self> {
        // What an earlier run may have left.
        up::down(instance).await?;
        let witness = Witness::new();
        let proxy = Proxy::start_with_hooks(0, options.seed, Box::new(AtProxy(Arc::clone(&witness)))).await;
        let proxy = proxy.context("the fault proxy cannot listen")?;
        let port = free_port().context("no free port on 127.0.0.1")?;
        proxy.forward_to(&format!("http://127.0.0.1:{port}"));
        let up = up::UpArgs {
            port: Some(port),
            no_build: true,
            functions_endpoint: Some(proxy.url()),
            parameters: vec!["Schedules=DISABLED".into()],
        };
        let (cloud, stack) = up::up(project, instance, "switchyard", &up).await?;
        let running = instance.running().context("the local cloud has ended at once")?;
        witness.knows(running.pid);
        let api = Api::new(&cloud, &stack.api_url.replace(&running.endpoint(), &proxy.url()))?;
        let wares = wares::wares(options.orders, options.shuffle.is_none());
        wares::stock(&cloud, &stack, &wares).await?;
        let stage = Self { instance: instance.clone(), cloud, stack, api, proxy, witness, wares };
        stage.shorten().await?;
        Ok(stage)
    }

    /// Shortens what recovery waits for.
    async fn shorten(&self) -> Result<()> {
        for consumer in &self.stack.consumers {
            let set = self.cloud.sqs.set_queue_attributes().queue_url(&consumer.queue_url);
            let set = set.attributes(QueueAttributeName::VisibilityTimeout, VISIBILITY_SECONDS).send().await;
            set.with_context(|| format!("the queue of {} cannot be set", consumer.name))?;
            let known = self.cloud.lambda.get_function_configuration().function_name(&consumer.function).send().await?;
            let mut variables = known.environment.and_then(|known| known.variables).unwrap_or_default();
            if variables.insert("LEASE_SECONDS".into(), LEASE_SECONDS.into()).is_some() {
                let environment = Environment::builder().set_variables(Some(variables)).build();
                let update = self.cloud.lambda.update_function_configuration().function_name(&consumer.function);
                let update = update.environment(environment).send().await;
                update.with_context(|| format!("the lease of {} cannot be set", consumer.name))?;
            }
        }
        Ok(())
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
