declare const grammar: (hljs: unknown) => object;
export default grammar;
