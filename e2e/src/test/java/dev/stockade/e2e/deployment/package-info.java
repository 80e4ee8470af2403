/** Whether the deployment files (Dockerfiles, docker-compose.yml, k8s/) are valid and agree with the services, offline. */
package dev.stockade.e2e.deployment;
