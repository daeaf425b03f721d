locals {
  cloud_image = "debian-12-genericcloud-amd64-20250115-1993.qcow2"
  image_url   = "https://cloud.example.org/images/bookworm/${local.cloud_image}"
}

resource "proxmox_virtual_environment_vm" "runner" {
  name = "runner"
  disk {
    file_id = "local:iso/${local.cloud_image}"
    image   = "noble-server-cloudimg-amd64.img"
  }
}

resource "hcloud_server" "edge" {
  name        = "edge"
  image       = "debian-12"
  server_type = "cx22"
}
