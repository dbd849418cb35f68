module go-telemetry

go 1.21
