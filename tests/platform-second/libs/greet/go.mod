module second.example/greet

go 1.26.0
