# Parent of every stack: state, providers, and the encrypted settings all of them share.
remote_state {
  backend = "s3"
  config = {
    bucket   = "tfstate"
    key      = "${path_relative_to_include()}/terraform.tfstate"
    endpoint = "https://s3.example.org"
  }
}

terraform {
  extra_arguments "common_vars" {
    commands           = get_terraform_commands_that_need_vars()
    required_var_files = ["${get_parent_terragrunt_dir()}/config.tfvars"]
  }
}

generate "providers" {
  path      = "providers.tf"
  if_exists = "overwrite"
  contents  = <<EOF
provider "kubernetes" {
  config_path = "~/.kube/config"
}
EOF
}
