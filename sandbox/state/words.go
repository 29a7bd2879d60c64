package state

// adjectives are the first halves of generated names.
const adjectives = `
able agile airy alert amber ample ardent azure balanced basic bold brave breezy bright brisk bronze calm
candid careful charming cheerful chilly civil clean clear clever cool copper coral cosy crisp curious daring
dapper deep deft dry eager early earnest easy elegant even exact fair fancy fast festive fine firm fluent fond
frank free fresh friendly frosty gentle glad golden good graceful grand great green handy happy hardy hearty
helpful honest humble icy ideal jolly joyful keen kind large lasting light lively loyal lucid lucky major
mellow merry mild modest neat nimble noble open orderly patient peaceful plain pleasant polite prime prompt
proud pure quick quiet rapid ready rich robust rosy round sage serene sharp shiny silent silver simple sincere
sleek smart smooth snug sober solid spry steady still stoic strong sturdy subtle sunny sure swift tender tidy
tranquil true trusty upbeat vast vivid warm wary whole wise witty young zesty
`

// surnames are the second halves: scientists, mathematicians and engineers.
const surnames = `
abel agnesi alembert alhazen ampere anning archimedes aristarchus arrhenius aryabhata avogadro babbage bacon
banks banneker bardeen bayes becquerel bell bernoulli berzelius bessel bethe bhaskara biot blackburn blackwell
bohr boltzmann bolzano boole born bose boyle bragg brahe brahmagupta brown bunsen burnell cannon cantor carnot
carson carver cassini cauchy cavendish celsius chandrasekhar chatelet chebyshev church clausius conway
copernicus cori coriolis coulomb crick curie cuvier dalton darwin davy debye dedekind descartes dijkstra dirac
doppler durand dyson eddington edison ehrlich einstein elion engelbart eratosthenes erdos euclid euler
fahrenheit faraday fermat fermi feynman fibonacci fischer fisher fizeau fleming foucault fourier franklin
fraunhofer frege fresnel galileo galois galton galvani gauss germain gibbs goeppert goldbach goodall grassmann
gray hahn haldane halley hamilton hamming harvey hawking heaviside heisenberg helmholtz henry herschel hertz
hess hilbert hipparchus hodgkin hooke hopper hubble humboldt hutton huxley huygens hypatia jacobi jacquard
jenner johnson joliot joule kapitsa kekule kelvin kepler khayyam khorana kirchhoff klein knuth koch kolmogorov
kovalevskaya lagrange lamarck lamport landau laplace lavoisier lawrence leavitt leeuwenhoek legendre leibniz
liebig linnaeus lobachevsky lorentz lovelace lyell mach malpighi marconi maxwell mayer mcclintock mccarthy
meitner mendel mendeleev mercator michelson millikan minkowski mirzakhani moissan monge morley moseley napier
nash neumann newton nightingale nobel noether oersted ohm oppenheimer ostwald pascal pasteur pauli pauling
payne peano perey perrin planck poincare poisson poynting priestley ptolemy pythagoras raman ramanujan ramsay
rayleigh riemann ritchie roentgen rubin rutherford rydberg sagan salk sanger schrodinger schwinger seaborg
shannon shockley siemens snell soddy somerville stokes strutt swan szilard tarski tesla thales thomson
thompson torricelli tsiolkovsky turing tyndall vesalius viete volta wallace watson watt weber wegener
weierstrass weyl wheeler wiener wien wigner wilkins wilson wirth woehler wolfram wren wu yalow young yukawa
zeeman zermelo zuse
`
