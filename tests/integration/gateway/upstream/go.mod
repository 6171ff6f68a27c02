module gateway.test/upstream

go 1.24
