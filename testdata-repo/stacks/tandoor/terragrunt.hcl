include "root" {
  path = find_in_parent_folders()
}

inputs = {
  recipes_tag = "2.3.1"
}
