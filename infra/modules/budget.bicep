// A mail when the group's costs of a month come near an amount. It stops nothing.
param amount int
param startDate string
param actionGroupIds string[]
param addresses string[]

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: 'monthly'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    // Azure refuses any change of it: https://github.com/Azure/CanadaPubSecALZ/issues/317
    timePeriod: { startDate: startDate }
    notifications: {
      forecast: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: addresses
        contactGroups: actionGroupIds
      }
      actual: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: addresses
        contactGroups: actionGroupIds
      }
    }
  }
}
