environment = "dev"
app_tag     = "2.1.0-rc1"
debug       = true
