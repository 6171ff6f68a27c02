module cloudlab.test/standins

go 1.26
