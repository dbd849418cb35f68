// The extension runs beside this function while it is developed.
export const handler = async (event) => {
  console.log(`hello ${event.name ?? "world"}`)
  return { hello: event.name ?? "world" }
}
