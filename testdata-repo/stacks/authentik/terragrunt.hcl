include "root" {
  path = find_in_parent_folders()
}

inputs = {
  image_tag = "2026.10.2"
  host      = "auth.example.org"
}
