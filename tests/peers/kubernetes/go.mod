module saddlebag/tests/peers/kubernetes

go 1.25

require (
	k8s.io/api v0.34.1
	k8s.io/apimachinery v0.34.1
)
