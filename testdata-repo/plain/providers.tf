terraform {
  required_version = ">= 1.9"
  backend "s3" {
    bucket = "tfstate"
    key    = "plain/terraform.tfstate"
  }
  required_providers {
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "~> 2.35"
    }
  }
}

provider "kubernetes" {
  config_path = "~/.kube/config"
}
