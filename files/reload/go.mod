module cloudlab.example/reload

go 1.26
