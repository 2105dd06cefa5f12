//! A local cloud for one run: started behind the fault proxy, configured for short runs.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use anyhow::{Context, Result};
use aws_sdk_lambda::types::Environment;
use aws_sdk_sqs::types::QueueAttributeName;
use switchyard_faults::Proxy;
use yard::{Api, Cloud, Consumer, Instance, Project, Stack, up};

use crate::args::SoakArgs;
use crate::call_recorder::CallRecorder;
use crate::products::{Product, catalog, put_on_sale};

/// After a crash a message is redelivered when its visibility timeout ends. The template's 180 seconds are six times
/// the function's timeout, as AWS advises. One second more than the function's timeout is the minimum, and lets a short
/// run see many crashes.
const VISIBILITY_TIMEOUT_SECS: &str = "31";

/// After a crash between sending and completing, a mail is sent again when its lease ends. This is the template's 60
/// seconds, cut to the minimum that outlives the invocation which acquired the lease.
const LEASE_SECS: &str = "31";

/// The deployed stack with everything that a run needs.
pub(crate) struct SoakStack {
    pub(crate) instance: Instance,
    pub(crate) cloud: Cloud,
    pub(crate) deployed: Stack,
    /// The API as clients reach it: also through the proxy.
    pub(crate) api: Api,
    pub(crate) proxy: Proxy,
    pub(crate) recorder: Arc<CallRecorder>,
    pub(crate) products: Vec<Product>,
}

impl SoakStack {
    /// Starts the instance, and puts the products on sale.
    pub(crate) async fn start(project: &Project, instance: &Instance, args: &SoakArgs) -> Result<Self> {
        // An earlier run may have left the instance up.
        up::down(instance).await?;
        let recorder = Arc::new(CallRecorder::default());
        let proxy = Proxy::start_with_hooks(0, args.seed, Box::new(Arc::clone(&recorder))).await;
        let proxy = proxy.context("the fault proxy cannot listen")?;
        let port = free_port().context("no free port on 127.0.0.1")?;
        proxy.forward_to(&format!("http://127.0.0.1:{port}"));
        let up = up::UpArgs {
            port: Some(port),
            no_build: true,
            functions_endpoint: Some(proxy.url()),
            parameters: vec!["Schedules=DISABLED".into()],
        };
        let (cloud, deployed) = up::up(project, instance, "switchyard", &up).await?;
        let running = instance.running().context("the local cloud has ended right after its start")?;
        recorder.set_cloud_pid(running.pid);
        let api = Api::new(&cloud, &deployed.api_url.replace(&running.endpoint(), &proxy.url()))?;
        let products = catalog(args.orders, args.injects_faults());
        put_on_sale(&cloud, &deployed, &products).await?;
        let stack = Self { instance: instance.clone(), cloud, deployed, api, proxy, recorder, products };
        // After an outage it matters how long a message really waits.
        if args.outage.is_some() {
            return Ok(stack);
        }
        for consumer in &stack.deployed.consumers {
            stack.shorten_visibility_timeout(consumer).await?;
            stack.shorten_lease(consumer).await?;
        }
        Ok(stack)
    }

    async fn shorten_visibility_timeout(&self, consumer: &Consumer) -> Result<()> {
        let set = self.cloud.sqs.set_queue_attributes().queue_url(&consumer.queue_url);
        let set = set.attributes(QueueAttributeName::VisibilityTimeout, VISIBILITY_TIMEOUT_SECS).send().await;
        set.with_context(|| format!("the visibility timeout of {} cannot be set", consumer.name))?;
        Ok(())
    }

    /// Only consumers with leases have the variable.
    async fn shorten_lease(&self, consumer: &Consumer) -> Result<()> {
        let lambda = &self.cloud.lambda;
        let configuration = lambda.get_function_configuration().function_name(&consumer.function).send().await;
        let configuration = configuration.with_context(|| format!("{} cannot be read", consumer.function))?;
        let environment = configuration.environment.and_then(|environment| environment.variables);
        let mut variables = environment.unwrap_or_default();
        if variables.insert("LEASE_SECONDS".into(), LEASE_SECS.into()).is_some() {
            let environment = Environment::builder().set_variables(Some(variables)).build();
            let update = lambda.update_function_configuration().function_name(&consumer.function);
            let update = update.environment(environment).send().await;
            update.with_context(|| format!("the lease of {} cannot be set", consumer.name))?;
        }
        Ok(())
    }
}

pub(crate) fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
