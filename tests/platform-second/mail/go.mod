module second.example/mail

go 1.26.0

require second.example/greet v0.0.0

replace second.example/greet => ../libs/greet
