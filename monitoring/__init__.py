"""What Prometheus, Alertmanager and Grafana are told, as data with one source of thresholds."""
