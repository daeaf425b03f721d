//! A custom resource as CloudNativePG has it, as far as pintle looks at it: its definition, the
//! right to read it as a component of `deploy/kustomize` has it, an object that Terraform applies,
//! and pods as its operator makes them. There is no operator.

use serde_json::{Value, json};

use super::api::Api;
use super::{Kube, deploy};

/// The kind as a scan has it.
pub const KIND: &str = "cluster";
/// What `pintle.toml` says of it.
pub const CONFIG: &str = "\n[[cluster.custom]]\ngroup = \"postgresql.cnpg.io\"\nversion = \"v1\"\nkind = \"Cluster\"\nplural = \"clusters\"\n\
     image = \"spec.imageName\"\n";
/// The field manager of `kubernetes_manifest`, which applies on the server's side.
const MANAGER: &str = "Terraform";
const VERSION: &str = "postgresql.cnpg.io/v1";

/// The path of an object.
pub fn path(namespace: &str, name: &str) -> String {
    format!("/apis/{VERSION}/namespaces/{namespace}/clusters/{name}")
}

/// Makes an object or sets its image, as Terraform does; where there is no such kind yet it fails,
/// and its stack alone.
pub fn apply(api: &Api, namespace: &str, name: &str, image: &str) {
    if api
        .try_get(&format!("/apis/{VERSION}/clusters?limit=1"))
        .is_some_and(|(status, _)| status == 404)
    {
        return;
    }
    let object = json!({"apiVersion": VERSION, "kind": "Cluster", "metadata": {"name": name}, "spec": {"instances": 1, "imageName": image}});
    api.apply(&path(namespace, name), MANAGER, &object);
}

/// Makes the pod of an object anew, as the operator does when the image is another: a container of
/// the operator's own goes first.
pub fn operate(api: &Api, namespace: &str, name: &str) {
    let object = api.get(&path(namespace, name));
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let pod = format!("{name}-1");
    if api
        .try_get(&format!("{pods}/{pod}"))
        .is_some_and(|(status, _)| status == 200)
    {
        api.delete(&format!("{pods}/{pod}?gracePeriodSeconds=0"));
    }
    let owner = json!([{"apiVersion": VERSION, "kind": "Cluster", "name": name, "uid": object["metadata"]["uid"], "controller": true}]);
    let spec = json!({
        "initContainers": [{"name": "bootstrap-controller", "image": "ghcr.io/cloudnative-pg/cloudnative-pg:1.27.0"}],
        "containers": [{"name": "postgres", "image": object["spec"]["imageName"]}],
        "terminationGracePeriodSeconds": 0,
    });
    api.post(
        &pods,
        &json!({"metadata": {"name": pod, "ownerReferences": owner}, "spec": spec}),
    );
    let ready = |pod: &Value| pod["status"]["containerStatuses"][0]["ready"] == true;
    api.wait(&format!("{pods}/{pod}"), |pod| ready(pod).then_some(()));
}

impl Kube {
    /// Installs the definition and waits until it is served.
    pub fn install_clusters(&self) {
        let api = self.api("test");
        let schema = json!({"type": "object", "properties": {"spec": {
            "type": "object", "properties": {"imageName": {"type": "string"}}, "x-kubernetes-preserve-unknown-fields": true,
        }, "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
        let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}});
        let names = json!({"kind": "Cluster", "listKind": "ClusterList", "plural": "clusters", "singular": "cluster"});
        let spec = json!({"group": "postgresql.cnpg.io", "scope": "Namespaced", "names": names, "versions": [version]});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "clusters.postgresql.cnpg.io"}, "spec": spec,
        });
        api.post(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            &definition,
        );
        api.wait(&format!("/apis/{VERSION}/clusters"), |_| Some(()));
    }

    /// Adds the component `custom-kinds` to pintle's rights, as a person who has read it.
    pub fn allow_clusters(&self) {
        let folder = deploy::copy(
            "resources: [pintle/deploy/kustomize/base/rbac.yaml]\n\
             components: [pintle/deploy/kustomize/components/custom-kinds]\n",
        );
        self.kubectl(&["apply", "-k", &folder.path().display().to_string()]);
    }
}
