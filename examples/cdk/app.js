'use strict';

// One stack for one environment: `cdk synth -c environment=alpha -c subnets=.. -c securityGroups=..`.

const { App, BootstraplessSynthesizer } = require('aws-cdk-lib');
const { EnvironmentStack } = require('./lib/environment-stack');

const app = new App();

// A value that has to be given, as all are that belong to an account.
function given(name) {
  const value = app.node.tryGetContext(name);
  if (!value) {
    throw new Error(`${name} is not set: give it with -c ${name}=..`);
  }
  return value;
}

const environment = given('environment');
if (!/^[a-z](?:-?[a-z0-9])*$/.test(environment) || environment.length > 28 || environment === 'default') {
  throw new Error(`environment is ${JSON.stringify(environment)}, which is no name for one`);
}

new EnvironmentStack(app, `${app.node.tryGetContext('prefix') ?? 'ublog'}-${environment}`, {
  environment,
  subnets: given('subnets').split(','),
  securityGroups: given('securityGroups').split(','),
  description: `The ad hoc environment ${environment}`,
  // Without an asset to upload, nothing has to be bootstrapped in the account.
  synthesizer: new BootstraplessSynthesizer(),
});
