environment = "prod"
app_tag     = "2.0.4"
