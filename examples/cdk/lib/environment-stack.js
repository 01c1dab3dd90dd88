'use strict';

const { CfnOutput, RemovalPolicy, Stack, Tags } = require('aws-cdk-lib');
const ecr = require('aws-cdk-lib/aws-ecr');
const ecs = require('aws-cdk-lib/aws-ecs');
const logs = require('aws-cdk-lib/aws-logs');

// What runs in an environment. A release by `adhoc update` finds all of it by name.
const ROLES = [
  { role: 'migrate', repository: 'backend', command: ['python', 'manage.py', 'migrate'], service: false },
  { role: 'gunicorn', repository: 'backend', command: ['gunicorn', 'config.wsgi'], port: 8000 },
  { role: 'default', repository: 'backend', command: ['celery', '-A', 'config', 'worker'] },
  // Two schedulers would send everything twice.
  { role: 'beat', repository: 'backend', command: ['celery', '-A', 'config', 'beat'], single: true },
  { role: 'web-ui', repository: 'frontend', port: 3000 },
];

/** An environment by the conventions of `adhoc`: cluster `alpha-cluster`, families and services `alpha-gunicorn`, .. */
class EnvironmentStack extends Stack {
  constructor(scope, id, { environment, subnets, securityGroups, ...props }) {
    super(scope, id, props);
    this.environmentName = environment;
    Tags.of(this).add('env', environment);

    const cluster = new ecs.CfnCluster(this, 'Cluster', {
      clusterName: `${environment}-cluster`,
      capacityProviders: ['FARGATE', 'FARGATE_SPOT'],
    });
    this.network = { subnets, securityGroups, assignPublicIp: 'DISABLED' };
    this.repositories = {};
    for (const role of ROLES) {
      const definition = this.taskDefinition(role);
      if (role.service !== false) {
        this.service(cluster, role, definition);
      }
    }

    new CfnOutput(this, 'ClusterName', { value: cluster.ref });
  }

  taskDefinition({ role, repository, command, port }) {
    const family = `${this.environmentName}-${role}`;
    const logGroup = new logs.LogGroup(this, `${role}-logs`, {
      logGroupName: `/ecs/${this.environmentName}/${role}`,
      retention: logs.RetentionDays.TWO_WEEKS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const definition = new ecs.FargateTaskDefinition(this, `${role}-task`, { family, cpu: 256, memoryLimitMiB: 512 });
    definition.addContainer(role, {
      // No such image is ever pushed: the first release replaces the tag, and the repository stays.
      image: ecs.ContainerImage.fromEcrRepository(this.repository(repository), 'placeholder'),
      command,
      portMappings: port && [{ containerPort: port }],
      environment: this.node.tryGetContext('variables') && parseVariables(this.node.tryGetContext('variables')),
      logging: ecs.LogDrivers.awsLogs({ streamPrefix: role, logGroup }),
    });
    // A service may still run the revision that a changed one takes the place of, and ECS rolls back to it.
    Object.assign(definition.node.defaultChild.cfnOptions, { updateReplacePolicy: 'Retain', deletionPolicy: 'Delete' });
    return definition;
  }

  repository(name) {
    this.repositories[name] ??= ecr.Repository.fromRepositoryName(this, `${name}-repository`, name);
    return this.repositories[name];
  }

  service(cluster, { role, single = false }, definition) {
    const service = new ecs.CfnService(this, `${role}-service`, {
      serviceName: `${this.environmentName}-${role}`,
      cluster: cluster.ref,
      // By its family and not by a reference: with one, CloudFormation would roll the service to every revision that
      // the stack makes, whose image is the placeholder. So a change of a definition waits for the next release.
      taskDefinition: definition.family,
      // There is no image yet. The first release starts the service, and the count is its own from then on.
      desiredCount: 0,
      launchType: 'FARGATE',
      enableExecuteCommand: true,
      enableEcsManagedTags: true,
      propagateTags: 'SERVICE',
      deploymentConfiguration: {
        deploymentCircuitBreaker: { enable: true, rollback: true },
        maximumPercent: single ? 100 : 200,
        minimumHealthyPercent: single ? 0 : 100,
      },
      networkConfiguration: { awsvpcConfiguration: this.network },
    });
    service.addResourceDependency(definition.node.defaultChild);
    return service;
  }
}

/** `A=1,B=2` as an object. */
function parseVariables(text) {
  return Object.fromEntries(text.split(',').map((pair) => pair.split(/=(.*)/s).slice(0, 2)));
}

module.exports = { EnvironmentStack };
