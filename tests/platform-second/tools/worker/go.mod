module second.example/worker

go 1.26.0
